//! What the client refuses to run with.

use std::process::Command;

#[test]
fn what_is_not_an_address_and_a_key_that_must_stay_secret_are_refused_before_anything_runs() {
    for (name, value, says) in [
        (
            "CLIENT__ORDERS_URL",
            "orders-srv:3000",
            "must be http://host:port: CLIENT__ORDERS_URL=http://orders-srv:3000",
        ),
        ("CLIENT__AUTH_URL", "http://auth-srv:3000/api", "must be http://host:port"),
        ("STRIPE_PUBLISHABLE_KEY", "sk_test_very_secret", "must be Stripe's publishable key, which begins with pk_"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_client"));
        let output = command.args(["config", "check"]).env(name, value).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(says) && !said.contains("very_secret"), "{said}");
    }
}
