//! The kinds of problems: each has a name that never changes, and a section in `docs/PROBLEMS.md`, to which the
//! problem's `type` leads.

/// Declares the kinds with their names.
macro_rules! kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// What kind of problem it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(in crate::web) enum Kind { $($kind,)* }

        impl Kind {
            /// Every kind, in the order of the page.
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The last part of the problem's type; the label in metrics.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

kinds! {
    BadRequest = "bad-request",
    BodyIncomplete = "body-incomplete",
    BodyNotUnderstood = "body-not-understood",
    BodyTooLarge = "body-too-large",
    BodyTooSlow = "body-too-slow",
    BodyUnreadable = "body-unreadable",
    BodiesWaiting = "bodies-waiting",
    HostNotKnown = "host-not-known",
    InstallKeyUnavailable = "install-key-unavailable",
    MethodNotAllowed = "method-not-allowed",
    MetricsUnavailable = "metrics-unavailable",
    NotFound = "not-found",
    NotForBrowsers = "not-for-browsers",
    NotStorable = "not-storable",
    NotStored = "not-stored",
    ReloadFailed = "reload-failed",
    ReloadIncomplete = "reload-incomplete",
    SiteNotAllowed = "site-not-allowed",
    StoreUnavailable = "store-unavailable",
    TokenRefused = "token-refused",
    TookTooLong = "took-too-long",
    TooManyRefused = "too-many-refused",
    UnsupportedMediaType = "unsupported-media-type",
    WebhookRefused = "webhook-refused",
}

impl Kind {
    /// The name as a heading: `Body too large`.
    pub fn title(self) -> String {
        let words = self.name().replace('-', " ");
        let (first, rest) = words.split_at(1);
        first.to_ascii_uppercase() + rest
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn every_kind_has_its_section_on_the_page_and_no_section_is_left_over() {
        let page = include_str!("../../../docs/PROBLEMS.md");
        let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(sections, names);
        assert_eq!(Kind::BodyTooLarge.title(), "Body too large");
    }
}
