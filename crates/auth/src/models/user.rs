//! Users, and their collection.

use common::events::UserId;
use email_address::{EmailAddress, Options};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Store, in_time, is_duplicate};

const USERS: &str = "users";

/// An e-mail address, stored as typed and compared without regard to case.
#[derive(Clone, Debug)]
pub(crate) struct Email(String);

#[derive(Debug, thiserror::Error)]
#[error("Email must be valid")]
pub(crate) struct InvalidEmail;

impl Email {
    pub(crate) fn parse(value: Option<&Value>) -> Result<Self, InvalidEmail> {
        let text = value.and_then(Value::as_str).ok_or(InvalidEmail)?;
        let rules = Options::default().with_required_tld().without_display_text().without_domain_literal();
        EmailAddress::parse_with_options(text, rules).map_err(|_| InvalidEmail)?;
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which addresses are compared: addresses that differ only in case have the same key.
    fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// A person who has signed up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    #[serde(rename = "_id")]
    id: ObjectId,
    email: String,
    email_key: String,
    password: String,
}

impl User {
    pub(crate) fn new(email: &Email, password: String) -> Self {
        Self { id: ObjectId::new(), email: email.as_str().to_owned(), email_key: email.key(), password }
    }

    pub(crate) fn id(&self) -> UserId {
        UserId::from_bytes(self.id.bytes())
    }

    pub(crate) fn email(&self) -> &str {
        &self.email
    }

    /// The hash of the password.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }
}

/// All users.
#[derive(Clone, Debug)]
pub(crate) struct Users(Collection<User>);

/// Another user has this e-mail address.
#[derive(Debug)]
pub(crate) struct InUse;

impl Users {
    /// Creates the index that allows one account for each address, also when two sign up concurrently.
    pub(crate) async fn open(store: &Store) -> Result<Self, anyhow::Error> {
        let unique = IndexOptions::builder().unique(true).build();
        let index = IndexModel::builder().keys(doc! { "emailKey": 1 }).options(unique).build();
        store.ensure_index(USERS, index).await?;
        Ok(Self(store.collection(USERS)))
    }

    pub(crate) async fn insert(&self, user: &User) -> Result<Result<(), InUse>, Error> {
        match in_time(self.0.insert_one(user)).await {
            Ok(_) => Ok(Ok(())),
            Err(error) if is_duplicate(&error) => Ok(Err(InUse)),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn find(&self, email: &Email) -> Result<Option<User>, Error> {
        let by_email: Document = doc! { "emailKey": email.key() };
        in_time(self.0.find_one(by_email)).await
    }
}
