//! Installing, pausing and removing the app, by the same signed calls that Jira makes.

use serde_json::{Value, json};

use super::calls::{AppAnswer, CallError, SignedCall, parse_url, sign_with_install_key, sign_with_secret};
use super::calls::{fetch_descriptor, send};
use super::descriptor::{COMPONENTS, Descriptor, OPERATIONS, parse_descriptor};
use super::handle::Simulator;
use super::site::Installation;

impl Simulator {
    /// Installs the app at `app_base_url`, or installs it again: reads and checks its descriptor, sends
    /// `installed` with a fresh secret, and then `enabled`. A known site keeps its client key.
    ///
    /// # Errors
    /// When the descriptor breaks a rule, or the app answers `installed` with anything but 200 or 204; the
    /// site is then as it was before.
    pub async fn install(&self, app_base_url: &str) -> Result<Installation, CallError> {
        let json = fetch_descriptor(&self.0.client, app_base_url).await?;
        let descriptor = parse_descriptor(&json).map_err(CallError::Descriptor)?;
        let installation = self.new_installation(descriptor)?;
        // The app may call back before it has answered, so the secret must be valid already.
        let before = self.lock().site.installation.replace(installation.clone());
        let answered = self.send_lifecycle(&installation, "installed").await;
        match answered {
            Ok(AppAnswer { status: 200 | 204, .. }) => {}
            other => {
                self.lock().site.installation = before;
                let status = other?.status;
                return Err(CallError::Aborted { event: "installed", status });
            }
        }
        self.send_webhook(&installation, "enabled").await;
        Ok(installation)
    }

    /// Installs the same app again: new secret, same client key.
    ///
    /// # Errors
    /// As [`Simulator::install`], and when nothing is installed.
    pub async fn reinstall(&self) -> Result<Installation, CallError> {
        let base_url = self.get_installation()?.app_base_url;
        self.install(&base_url).await
    }

    /// Removes the app: `disabled`, then `uninstalled`; then everything it sent is deleted, whatever it
    /// answered.
    ///
    /// # Errors
    /// When nothing is installed.
    pub async fn uninstall(&self) -> Result<(), CallError> {
        let installation = self.get_installation()?;
        self.send_webhook(&installation, "disabled").await;
        self.send_webhook(&installation, "uninstalled").await;
        self.lock().site.uninstall();
        Ok(())
    }

    /// Removes the app without notifying it, as when the webhook is lost.
    pub fn uninstall_silently(&self) {
        self.lock().site.uninstall();
    }

    /// Suspends the app: its calls are refused with 401 from here on.
    ///
    /// # Errors
    /// When nothing is installed.
    pub async fn disable(&self) -> Result<(), CallError> {
        let installation = self.set_enabled(false)?;
        self.send_webhook(&installation, "disabled").await;
        Ok(())
    }

    /// Lifts a suspension.
    ///
    /// # Errors
    /// When nothing is installed.
    pub async fn enable(&self) -> Result<(), CallError> {
        let installation = self.set_enabled(true)?;
        self.send_webhook(&installation, "enabled").await;
        Ok(())
    }

    /// Installs an app without calling it, for tests of a REST client alone. It has all scopes and
    /// modules.
    ///
    /// # Errors
    /// When the system has no randomness for the secret.
    pub fn install_without_call(&self, app_key: &str) -> Result<Installation, CallError> {
        let installation = self.new_installation(Descriptor {
            key: app_key.to_owned(),
            base_url: String::new(),
            scopes: ["READ", "WRITE", "DELETE"].map(str::to_owned).into(),
            modules: [OPERATIONS, COMPONENTS].map(str::to_owned).into(),
            actions: std::collections::BTreeMap::new(),
            lifecycle: std::collections::BTreeMap::new(),
        })?;
        self.lock().site.installation = Some(installation.clone());
        Ok(installation)
    }

    /// Restores an installation that the app at `app_base_url` knows from an earlier run: reads the app's
    /// descriptor and does not notify it, because it has this client key and this secret already.
    ///
    /// # Errors
    /// When the app cannot be reached, or its descriptor breaks a rule.
    pub async fn resume(
        &self,
        app_base_url: &str,
        client_key: &str,
        shared_secret: &str,
    ) -> Result<Installation, CallError> {
        let json = fetch_descriptor(&self.0.client, app_base_url).await?;
        let descriptor = parse_descriptor(&json).map_err(CallError::Descriptor)?;
        client_key.clone_into(&mut self.lock().site.client_key);
        let mut installation = self.new_installation(descriptor)?;
        shared_secret.clone_into(&mut installation.shared_secret);
        self.lock().site.installation = Some(installation.clone());
        Ok(installation)
    }

    /// The installation, with its secret.
    pub fn find_installation(&self) -> Option<Installation> {
        self.lock().site.installation.clone()
    }

    pub(super) fn get_installation(&self) -> Result<Installation, CallError> {
        self.find_installation().ok_or(CallError::NotInstalled)
    }

    /// The signed call of a lifecycle event, not sent yet.
    ///
    /// # Errors
    /// When the app declares no such event, or signing fails.
    pub fn prepare_lifecycle(
        &self,
        installation: &Installation,
        event: &str,
    ) -> Result<SignedCall, CallError> {
        let declared = installation.lifecycle.get(event);
        let url = declared.ok_or_else(|| CallError::NotDeclared(format!("lifecycle.{event}")))?;
        let (url, body) = (parse_url(url)?, self.lifecycle_body(installation, event));
        let clock = &self.0.clock;
        if matches!(event, "installed" | "uninstalled") {
            sign_with_install_key(clock, &self.0.install_key, installation, url, body)
        } else {
            sign_with_secret(clock, installation, "POST", url, Some(body))
        }
    }

    /// Sends a call that a test has prepared and perhaps tampered with.
    ///
    /// # Errors
    /// When the app cannot be reached.
    pub async fn send(&self, call: SignedCall) -> Result<AppAnswer, CallError> {
        send(&self.0.client, call).await
    }

    async fn send_lifecycle(&self, installation: &Installation, event: &str) -> Result<AppAnswer, CallError> {
        let call = self.prepare_lifecycle(installation, event)?;
        self.send(call).await
    }

    /// Webhooks are sent once; their outcome changes nothing on the site.
    async fn send_webhook(&self, installation: &Installation, event: &str) {
        match self.send_lifecycle(installation, event).await {
            Ok(answer) if (200..300).contains(&answer.status) => {}
            Ok(answer) => {
                tracing::warn!(event, status = answer.status, "the app refused a lifecycle webhook");
            }
            Err(CallError::NotDeclared(_)) => {}
            Err(error) => tracing::warn!(event, %error, "a lifecycle webhook did not reach the app"),
        }
    }

    fn set_enabled(&self, enabled: bool) -> Result<Installation, CallError> {
        let mut state = self.lock();
        let installation = state.site.installation.as_mut().ok_or(CallError::NotInstalled)?;
        installation.enabled = enabled;
        Ok(installation.clone())
    }

    fn new_installation(&self, descriptor: Descriptor) -> Result<Installation, CallError> {
        let mut secret = [0_u8; 32];
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| CallError::Randomness)?;
        Ok(Installation {
            client_key: self.lock().site.client_key.clone(),
            shared_secret: hex::encode(secret),
            app_key: descriptor.key,
            app_base_url: descriptor.base_url,
            enabled: true,
            scopes: descriptor.scopes,
            modules: descriptor.modules,
            actions: descriptor.actions,
            lifecycle: descriptor.lifecycle,
        })
    }

    fn lifecycle_body(&self, installation: &Installation, event: &str) -> Value {
        let base_url = self.url();
        let mut body = json!({
            "key": installation.app_key,
            "clientKey": installation.client_key,
            "baseUrl": base_url,
            "displayUrl": base_url,
            "productType": "jira",
            "description": format!("Atlassian Jira at {base_url}"),
            "serverVersion": "100287",
            "pluginsVersion": "1001.0.0-SNAPSHOT",
            "eventType": event,
        });
        if event == "installed" {
            body["sharedSecret"] = Value::from(installation.shared_secret.clone());
        }
        body
    }
}
