//! The payment provider: the one that the environment names, or a test bank of our own.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::bail;
use service::Error;

/// The variables that name a provider.
pub(crate) const VARIABLES: [&str; 4] = ["STRIPE_KEY", "STRIPE_URL", "STRIPE_ALLOW_HTTP", "STRIPE_WEBHOOK_SECRET"];

/// The key of our own bank, and the secret that it signs webhooks with. They protect nothing: the bank listens on this
/// machine only, and has no money.
const KEY: &str = "sk_test_bank";
const WEBHOOK_SECRET: &str = "whsec_bank";

/// Where the payments are made.
#[derive(Clone, Debug)]
pub(crate) enum Provider {
    /// At Stripe, or wherever these variables say.
    Given(Vec<(&'static str, String)>),
    /// At a test bank that the application starts.
    Bank,
}

/// The variables of the bank, and those of the payments service that uses it.
pub(crate) type Variables = Vec<(&'static str, String)>;

impl Provider {
    /// Chooses by the environment.
    ///
    /// # Errors
    ///
    /// If it names a key that is no test key, or another provider without a key.
    pub(crate) fn of(environment: &BTreeMap<String, String>) -> Result<Self, Error> {
        let given = |name: &'static str| Some((name, environment.get(name)?.trim().to_owned()));
        let given: Vec<_> = VARIABLES.into_iter().filter_map(given).filter(|(_, value)| !value.is_empty()).collect();
        match given.first() {
            Some(("STRIPE_KEY", key)) if !key.starts_with("sk_test_") && !key.starts_with("rk_test_") => bail!(
                "STRIPE_KEY is {}, and this application is for trying things: set a test key, which begins with sk_test_, \
                 or unset it to use a test bank",
                if key.contains("_live_") { "a live key" } else { "no test key" }
            ),
            Some(("STRIPE_KEY", _)) => Ok(Self::Given(given)),
            Some((name, _)) => bail!("{name} is set and STRIPE_KEY is not: set both, or unset both to use a test bank"),
            None => Ok(Self::Bank),
        }
    }
}

/// The variables of our own bank: it reports what happens to the API.
pub(crate) fn of_bank(api: SocketAddr) -> Variables {
    vec![
        ("BANK__BIND", "127.0.0.1:0".to_owned()),
        ("BANK__KEY", KEY.to_owned()),
        ("BANK__WEBHOOK_URL", format!("http://{api}/api/payments/webhook")),
        ("BANK__WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
    ]
}

/// The variables of the payments service that uses our own bank.
pub(crate) fn at_bank(bank: SocketAddr) -> Variables {
    vec![
        ("STRIPE_KEY", KEY.to_owned()),
        ("STRIPE_URL", format!("http://{bank}")),
        ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::Provider;

    fn of(variables: &[(&str, &str)]) -> Result<Provider, String> {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Provider::of(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_chooses_its_provider_and_none_a_bank() {
        assert!(matches!(of(&[]), Ok(Provider::Bank)));
        assert!(matches!(of(&[("STRIPE_KEY", " "), ("STRIPE_URL", "")]), Ok(Provider::Bank)));
        let Ok(Provider::Given(given)) = of(&[("STRIPE_URL", "http://127.0.0.1:1"), ("STRIPE_KEY", "sk_test_1\n")])
        else {
            panic!("a key is given")
        };
        assert_eq!(given, [("STRIPE_KEY", "sk_test_1".to_owned()), ("STRIPE_URL", "http://127.0.0.1:1".to_owned())]);
    }

    #[test]
    fn a_live_key_and_a_provider_without_a_key_are_refused() {
        for (key, what) in [("sk_live_1", "a live key"), ("rk_live_1", "a live key"), ("nonsense", "no test key")] {
            let refused = of(&[("STRIPE_KEY", key)]).unwrap_err();
            assert!(refused.contains(what) && !refused.contains(key), "{refused}");
        }
        let refused = of(&[("STRIPE_URL", "http://127.0.0.1:1")]).unwrap_err();
        assert!(refused.starts_with("STRIPE_URL is set and STRIPE_KEY is not"), "{refused}");
    }
}
