//! What an account may do in a project. Names are Jira's own keys.

/// A permission that the calls for work items need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    Browse,
    Create,
    Edit,
    Transition,
    Link,
    Comment,
    /// Of the site, not of a project: lets `notifyUsers=false` take effect.
    Administer,
}

impl Permission {
    pub const PROJECT: [Self; 6] =
        [Self::Browse, Self::Create, Self::Edit, Self::Transition, Self::Link, Self::Comment];

    /// Jira's key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Browse => "BROWSE_PROJECTS",
            Self::Create => "CREATE_ISSUES",
            Self::Edit => "EDIT_ISSUES",
            Self::Transition => "TRANSITION_ISSUES",
            Self::Link => "LINK_ISSUES",
            Self::Comment => "ADD_COMMENTS",
            Self::Administer => "ADMINISTER",
        }
    }

    /// The permission with Jira's key.
    pub fn find(key: &str) -> Option<Self> {
        Self::PROJECT.into_iter().chain([Self::Administer]).find(|it| it.as_str() == key)
    }
}
