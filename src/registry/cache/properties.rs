//! What holds for every state of the folder: what is read is what its digest says, or nothing.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::model::hostile;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

proptest! {
    // Each writes files.
    #![proptest_config(hostile::cases(24))]

    #[test]
    fn a_document_is_read_as_it_was_written_or_not_at_all(
        body in hostile::bytes(40),
        other in hostile::bytes(40),
        at in any::<Index>(),
        damage in 0..4_u8,
    ) {
        let root = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(Some(root.path().to_owned()));
        let digest = manifests::sha256(&body);
        prop_assert_eq!(run(cache.read(&digest)), None);
        run(cache.write(&digest, &body));
        prop_assert_eq!(run(cache.read(&digest)), Some(body.clone()));
        let path = cache.0.as_ref().expect("a folder").document(&digest);
        prop_assert!(path.starts_with(root.path()));
        let damaged = match damage {
            0 => other,
            1 => body[..at.index(body.len() + 1)].to_vec(),
            2 => [body.as_slice(), b" "].concat(),
            _ => body.iter().rev().copied().collect(),
        };
        fs::write(&path, &damaged).expect("a file");
        prop_assert_eq!(run(cache.read(&digest)), (damaged == body).then(|| body.clone()));
        // Whatever was wrong, it can be written again.
        run(cache.write(&digest, &body));
        prop_assert_eq!(run(cache.read(&digest)), Some(body));
    }

    #[test]
    fn remembered_tags_are_legal_whatever_stands_in_the_file(
        repository in hostile::text(12),
        tags in vec("[A-Za-z0-9_][A-Za-z0-9._-]{0,6}", 0..6),
        text in hostile::hostile(
            &[r#"{"1.0":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","v2":"sha512:x"}"#],
            &["{", "}", "\"", ":", ",", "sha256:", "null", "\\u0007", "../x", "1.0"],
            8,
        ),
    ) {
        let root = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(Some(root.path().to_owned()));
        let seen: Seen = tags.iter().filter_map(|tag| Some((Tag::new(tag)?, manifests::sha256(tag.as_bytes())))).collect();
        run(cache.remember(&repository, &seen));
        prop_assert_eq!(run(cache.seen(&repository)), seen);
        fs::write(cache.0.as_ref().expect("a folder").seen(&repository), &text).expect("a file");
        for (tag, digest) in run(cache.seen(&repository)) {
            prop_assert!(text.contains(tag.as_str()) || text.contains('\\'), "{}", tag);
            prop_assert!(text.contains(digest.as_str()));
        }
        prop_assert_eq!(run(cache.seen(&format!("{repository}/other"))), Seen::new());
    }
}
