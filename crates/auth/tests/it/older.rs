//! People who signed up with an older version.

use std::fs;

use serde_json::{Value, json};
use testkit::{Database, dump, field, message};

use crate::app::App;

const SIGN_IN: &str = "/api/users/signin";

/// Today's service with what a commit wrote, and who had signed up.
async fn restored(commit: &str) -> (Database, App, Vec<Value>) {
    let (database, folder) = (Database::new(), dump::dump_of("auth", commit));
    dump::restore_collections(database.uri(), &folder).await;
    let app = App::on(database.uri(), &[]).await;
    let people = fs::read_to_string(folder.join("people.json")).unwrap();
    (database, app, serde_json::from_str(&people).unwrap())
}

#[tokio::test]
async fn they_sign_in_with_their_passwords_and_are_who_they_were() {
    for commit in dump::COMMITS {
        let (_database, app, people) = restored(commit).await;
        let users = dump::documents(&dump::dump_of("auth", commit).join("users.bson"));
        assert_eq!(users.len(), people.len());
        for person in &people {
            let answer = app.post(SIGN_IN, person).await;
            let user = users.iter().find(|user| user.get_str("email").unwrap() == person["email"]).unwrap();
            let id = user.get_object_id("_id").unwrap().to_hex();
            assert_eq!(answer.expect(200), json!({ "email": person["email"], "id": id }));
            let current = app.get("/api/users/currentuser", &answer.cookie()).await.json();
            assert_eq!(current["currentUser"]["id"], id);

            let email = person["email"].as_str().unwrap().to_uppercase();
            let other_case = json!({ "email": email, "password": person["password"] });
            app.post(SIGN_IN, &other_case).await.expect(200);
            let wrong = json!({ "email": person["email"], "password": "another password" });
            app.post(SIGN_IN, &wrong).await.is_error(400, &message("Invalid credentials"));
        }
        app.stop().await;
    }
}

#[tokio::test]
async fn their_addresses_stay_in_use_in_every_case() {
    for commit in dump::COMMITS {
        let (_database, app, people) = restored(commit).await;
        for person in &people {
            let email = person["email"].as_str().unwrap();
            for email in [email.to_owned(), email.to_lowercase(), email.to_uppercase()] {
                let answer = app.sign_up(&email).await;
                assert_eq!(answer.status, 400, "{answer:?}");
                assert!(answer.body.contains("in use"), "{answer:?}");
            }
        }
        app.sign_up("new@test.com").await.expect(201);
        let short = json!({ "email": "other@test.com", "password": "short" });
        let why = field("password", "Password must be between 8 and 128 characters");
        app.post("/api/users/signup", &short).await.is_error(400, &json!([why]));
        app.stop().await;
    }
}
