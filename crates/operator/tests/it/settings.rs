//! The settings that every service with a database has.

use operator::DECLARATIONS;
use service::settings::{Settings, Sources};

#[test]
fn each_service_with_a_database_refuses_a_uri_that_it_could_not_use_and_does_not_show_it() {
    let mut with_database = 0;
    for declaration in DECLARATIONS {
        let sections = || (declaration.sections)();
        if !sections().describe().iter().any(|setting| setting.section == "mongo") {
            continue;
        }
        with_database += 1;
        let refused = |uri: &str| {
            let sources =
                Sources { environment: [("MONGO_URI".to_owned(), uri.to_owned())].into(), ..Sources::default() };
            // What else is missing is reported too.
            let refused = Settings::load(sections(), sources).map(drop).unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{refused}");
            refused
        };
        for (uri, problem) in [
            ("nonsense", "must begin with mongodb://"),
            ("hunter2", "must begin with mongodb://"),
            ("mongodb://h", "names no database"),
            ("mongodb://user:hunter2@h/?replicaSet=rs0", "names no database"),
            ("mongodb://user:hunter2@h/admin", "names the database admin"),
            ("mongodb://user:hunter2@x@h/shop", "has a character in its user or password"),
            ("mongodb://user:hunter2@h:port/shop", "is not a MongoDB URI"),
            ("mongodb://user:hunter2@h/sh\nop", "contains a blank"),
            ("mongodb+srv://user:hunter2@h/shop", "mongodb+srv:// is not supported"),
        ] {
            let refused = refused(uri);
            assert!(refused.contains(&format!("environment variable MONGO_URI: mongo.uri: {problem}")), "{refused}");
        }
        for uri in ["mongodb://h/shop", " mongodb://user:hunter2@h/shop\n", "mongodb://[::1]:27017/shop?w=1"] {
            assert!(!refused(uri).contains("mongo.uri"), "{uri}");
        }
    }
    assert!(with_database >= 3, "{with_database}");
}
