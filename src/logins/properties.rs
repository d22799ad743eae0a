//! What holds for every text that holds a login, and for every pull secret.

use proptest::prelude::*;

use super::*;
use crate::model::hostile;

proptest! {
    #![proptest_config(hostile::cases(256))]

    #[test]
    fn a_login_is_what_stands_around_the_first_colon(
        text in hostile::hostile(&["user:password", "user:", ":token", "u:p:q"], &[":", "user", "<token>", "\n", "\0", "é"], 6),
    ) {
        let halves = text.split_once(':');
        let full = halves.filter(|(user, password)| !user.is_empty() && !password.is_empty());
        let some = halves.filter(|(user, password)| !user.is_empty() || !password.is_empty());
        let of = |(user, password): (&str, &str)| Login::of(user, SecretString::from(password.to_owned()));
        prop_assert_eq!(login(&text, Half::MustBeThere), full.map(of));
        prop_assert_eq!(login(&text, Half::MayBeEmpty), some.map(of));
    }

    #[test]
    fn a_pull_secret_is_read_or_refused_without_a_word_of_it(
        text in hostile::damaged(
            &[r#"{"auths":{"ghcr.io":{"auth":"dTpodW50ZXIyaHVudGVyMg=="}}}"#, r#"{"auths":{"docker.io":{"username":"u","password":"hunter2"}}}"#],
            &["{", "}", "\"", ":", ",", "hunter2", "dTpodW50ZXIy", "null", "ghcr.io", "*"],
        ),
        name in hostile::repository(),
    ) {
        if let Err(why) = of_docker_config(&SecretString::from(text.clone()), [name].into_iter()) {
            // An entry goes by its key, which damage may have made of anything.
            let quoted = why.split('`').nth(1).unwrap_or_default().to_owned();
            let rest = why.replacen(&quoted, "", 1);
            prop_assert!(!rest.contains("hunter2") && !rest.contains("dTpodW50ZXIy"), "{}", why);
        }
    }
}
