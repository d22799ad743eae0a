use super::*;

fn admits(constraint: &str, version: &str) -> Result<(), Rejection> {
    let constraint = Constraint::parse(constraint).unwrap_or_else(|error| panic!("{constraint}: {error}"));
    constraint.check(&Version::parse(version).unwrap())
}

/// Checks which of some versions a constraint admits.
fn check(constraint: &str, inside: &[&str], outside: &[&str]) {
    for version in inside {
        assert_eq!(admits(constraint, version), Ok(()), "{constraint} admits {version}");
    }
    for version in outside {
        assert_ne!(admits(constraint, version), Ok(()), "{constraint} does not admit {version}");
    }
}

/// The table of spec section 3.2.
#[test]
fn every_form_means_what_masterminds_means() {
    for (constraint, inside, outside) in [
        ("1.2.3", &["1.2.3", "v1.2.3"][..], &["1.2.4", "1.2.2"][..]),
        ("=1.2.3", &["1.2.3"], &["1.2.4"]),
        ("1.2", &["1.2.0", "1.2.9"], &["1.3.0", "1.1.9"]),
        ("1.2.x", &["1.2.0", "1.2.9"], &["1.3.0"]),
        ("=1.2", &["1.2.9"], &["1.3.0"]),
        ("1", &["1.0.0", "1.9.9"], &["2.0.0", "0.9.9"]),
        ("1.x", &["1.9.9"], &["2.0.0"]),
        ("1.X.*", &["1.9.9"], &["2.0.0"]),
        ("*", &["0.0.0", "999.0.0"], &["0.0.0-rc.1"]),
        ("x", &["0.0.1"], &["1.0.0-0"]),
        ("~1.2.3", &["1.2.3", "1.2.9"], &["1.2.2", "1.3.0"]),
        ("~>1.2.3", &["1.2.9"], &["1.3.0"]),
        ("~1.2", &["1.2.0", "1.2.9"], &["1.3.0"]),
        ("~1", &["1.0.0", "1.9.9"], &["2.0.0"]),
        ("~0.0.0", &["0.0.0", "0.3.0", "2.0.0"], &[]),
        ("~*", &["0.0.0", "2.0.0"], &[]),
        ("~0", &["0.9.0"], &["1.0.0"]),
        ("~0.0", &["0.0.9"], &["0.1.0"]),
        ("^1.2.3", &["1.2.3", "1.9.0"], &["1.2.2", "2.0.0"]),
        ("^0.2.3", &["0.2.3", "0.2.9"], &["0.3.0", "0.2.2", "1.0.0"]),
        ("^0.0.3", &["0.0.3"], &["0.0.4", "0.1.3", "1.0.3"]),
        ("^0.0", &["0.0.0", "0.0.9"], &["0.1.0", "1.0.0"]),
        ("^0", &["0.0.0", "0.9.0"], &["1.0.0"]),
        ("^*", &["0.0.0"], &["0.0.1", "0.1.0", "1.0.0"]),
        (">1", &["2.0.0"], &["1.0.0", "1.9.9"]),
        (">1.1", &["1.2.0", "2.0.0"], &["1.1.5", "1.1.0"]),
        (">1.1.1", &["1.1.2"], &["1.1.1"]),
        (">*", &["0.0.1"], &["0.0.0"]),
        ("<1.1", &["1.0.9"], &["1.1.0", "1.1.5"]),
        (">=1.1", &["1.1.0", "2.0.0"], &["1.0.9"]),
        ("<=1.1", &["1.1.5"], &["1.2.0"]),
        ("<=1", &["1.9.9"], &["2.0.0"]),
        ("<=*", &["0.0.9"], &["0.1.0", "1.0.0"]),
        ("=>1.0 =<1.5", &["1.0.0", "1.5.9"], &["1.6.0", "0.9.0"]),
        ("!=1.2.3", &["1.2.4"], &["1.2.3", "v1.2.3"]),
        ("!=1.2.x", &["1.3.0", "2.2.0"], &["1.2.0", "1.2.9"]),
        ("!=1", &["2.0.0"], &["1.2.0"]),
        ("!=*", &["0.0.1", "1.0.0"], &["0.0.0"]),
        ("1.2 - 1.4.5", &["1.2.0", "1.4.5"], &["1.4.6", "1.1.9"]),
        ("1.2 - 1.4", &["1.4.9"], &["1.5.0"]),
        ("~1.0 || ~3.0", &["1.0.9", "3.0.4"], &["2.0.0"]),
        (">=1.0 <2.0", &["1.0.0", "1.9.9"], &["2.0.0"]),
        (">=1.0,<2.0", &["1.9.9"], &["2.0.0"]),
        (">= 1.0 , < 2.0", &["1.9.9"], &["2.0.0"]),
        ("v1.x", &["1.4.0"], &["2.0.0"]),
        ("01.02.03", &["1.2.3"], &["1.2.4"]),
        ("1.2.3 2.0.0", &[], &["1.2.3", "2.0.0"]),
        ("1.2.3+build", &["1.2.3"], &["1.2.4"]),
    ] {
        check(constraint, inside, outside);
    }
}

#[test]
fn pre_releases_need_a_term_with_one_in_their_group() {
    for (constraint, inside, outside) in [
        (">=1.0.0-0", &["1.0.0-0", "1.1.0-rc1", "1.0.0"][..], &["0.9.0"][..]),
        (">=1.0.0-0 <2.0.0", &["1.5.0-rc.1", "2.0.0-rc.1"], &["2.0.0"]),
        ("3.x || >=5-0", &["5.0.0-rc1", "3.1.0"], &["3.1.0-rc1"]),
        ("^1.0.0-alpha", &["1.0.0-beta", "1.2.0-rc1"], &["2.0.0", "2.0.0-rc1", "1.0.0-Alpha"]),
        ("2.x-0", &["2.0.0-0", "2.4.0-rc1", "2.4.0"], &["3.0.0-rc1", "1.9.9"]),
        ("*-0", &["0.0.0-0", "9.9.9-rc1", "1.0.0"], &[]),
        ("!=1.2.x-rc", &["1.2.0-beta", "1.2.3", "1.3.0-rc"], &["1.2.9-rc"]),
        ("~1.2-0 <=1.2.3", &["1.2.3-rc1", "1.2.3"], &["1.2.4-rc1", "1.3.0-rc1"]),
        // A wildcard in the middle does not hide the pre-release behind the last part.
        ("1.x.3-rc", &["1.0.0-rc", "1.4.0-z", "1.0.0"], &["2.0.0-rc"]),
    ] {
        check(constraint, inside, outside);
    }
}

#[test]
fn a_rejection_says_whether_the_pre_release_is_at_fault() {
    for (constraint, version, expected) in [
        ("*", "1.1.0-rc1", Rejection::PreRelease),
        ("~1.0", "1.0.5-rc1", Rejection::PreRelease),
        (">=1.0.0", "1.0.0-rc1", Rejection::PreRelease),
        ("~1.0", "1.1.0-rc1", Rejection::OutsideConstraint),
        ("~1.0", "1.1.0", Rejection::OutsideConstraint),
        ("<2.0", "2.0.0-rc1", Rejection::OutsideConstraint),
        (">=1.0.0-rc.2", "1.0.0-rc.1", Rejection::OutsideConstraint),
        (">=5.0.0-0 || 3.x", "3.1.0-rc1", Rejection::PreRelease),
        (">=5.0.0-0 || 3.x", "4.1.0-rc1", Rejection::OutsideConstraint),
    ] {
        assert_eq!(admits(constraint, version), Err(expected), "{constraint} {version}");
    }
}

/// What only the library's regular expressions explain.
#[test]
fn odd_spellings_are_read_as_masterminds_reads_them() {
    for (constraint, same_as) in [
        (" 1.2 ", "1.2"),
        ("\t1.2\r\n", "1.2"),
        (">  1.2", ">1.2"),
        ("~> v1.2", "~1.2"),
        ("^ v1.2", "^1.2"),
        ("1 , 2", "1 2"),
        ("1 ~ 2.x", "1 ~2"),
        ("1||2", "1 || 2"),
        ("1.2 - 1.4||3", "1.2 - 1.4 || 3"),
        ("  1.2  -  1.4  ", ">=1.2 <=1.4"),
        ("1.2 - 1.4 !=1.3", ">=1.2 <=1.4 !=1.3"),
        ("1.0-a - 1.4-b+c", ">=1.0-a <=1.4-b"),
        // The expressions let `|` stand in a version, so the range takes the left alternative along …
        ("1||2 - 3", ">=1 || 2 <=3"),
        ("1.2.3||2 - 3", ">=1.2.3 || 2 <=3"),
        // … and the part behind a wildcard is never looked at.
        ("x.1|2.3", "*"),
        ("1.*.|", "1"),
        ("1.x.2x3", "1"),
    ] {
        let [read, same_as] = [constraint, same_as].map(|text| {
            let groups = Constraint::parse(text).unwrap().groups;
            let of_term = |term: &Term| (term.operator, term.given, Version::parse(&plain(&term.version)));
            groups.iter().map(|group| group.terms.iter().map(of_term).collect()).collect::<Vec<Vec<_>>>()
        });
        assert_eq!(read, same_as, "{constraint}");
    }
}

/// A version as text, without the `v` and the build.
fn plain(version: &Version) -> String {
    let text = version.text().trim_start_matches('v');
    text.split('+').next().unwrap().to_owned()
}

#[test]
fn errors_name_the_term_and_its_place() {
    for (constraint, message, part) in [
        ("", "the constraint is empty", ""),
        ("  ", "the constraint is empty", ""),
        ("latest", "`latest` is not a version", "latest"),
        ("~1.0 || stable", "`stable` is not a version", "stable"),
        ("V1.2", "`V1.2` is not a version", "V1.2"),
        ("==2.0", "`==` is not an operator", "=="),
        ("~1.0 ==2.0", "`==` is not an operator", "=="),
        ("!1.2", "`!` is not an operator", "!"),
        (">~1", "`>~` is not an operator", ">~"),
        ("> ", "no version follows `>`", ">"),
        (">=1, <", "no version follows `<`", "<"),
        (">, 1", "no version follows `>`", ">"),
        ("1,", "no term follows the comma", ","),
        (",1", "no term stands before the comma", ","),
        ("1,,2", "no term stands before the comma", ","),
        ("1.0 ||", "nothing stands after `||`", "||"), // ver-58
        ("|| 1.0", "nothing stands before `||`", "||"),
        ("||", "nothing stands before `||`", "||"),
        ("1 || || 2", "nothing stands after `||`", "||"),
        ("1.2.3.4", "`1.2.3.4` is not a version", "1.2.3.4"), // ver-59
        ("~1.2.3.4 !=1.3", "`1.2.3.4` is not a version", "1.2.3.4"),
        ("1.2.", "`1.2.` is not a version", "1.2."),
        ("1.2.3-", "`1.2.3-` is not a version", "1.2.3-"),
        ("1.2.3-a..b", "`1.2.3-a..b` is not a version", "1.2.3-a..b"),
        ("1.2_3", "`1.2_3` is not a version", "1.2_3"),
        ("v", "`v` is not a version", "v"),
        (">=1<2", "`<2` is not separated from the term before it", "<2"),
        ("1.2 -1.4", "`-1.4` is not a version", "-1.4"),
        ("1 - 2 - 3", "`-` is not a version", "-"),
        ("1 - 2 - latest", "`-` is not a version", "-"),
        ("1 - 1.2.3.4", "`.4` is not a version", ".4"),
        (">=1.0 - 2.0", "`>=` stands before a range", ">="),
        ("3 || ~ 1.0 - 2.0", "`~` stands before a range", "~"),
        (">=1 1.2 - 1.4", "a range is not separated from the term before it", "1.2"),
        ("V1.2 - 1.4", "`V1.2` is not a version", "V1.2"),
        ("1 | 2", "alternatives are separated by `||`", "|"),
        ("1.1x", "`1.1x` mixes numbers and wildcards", "1.1x"),
        ("**", "`**` mixes numbers and wildcards", "**"),
        ("18446744073709551616", "`18446744073709551616` is not a version", "18446744073709551616"),
        ("1.2.3-01", "`1.2.3-01` is not a version", "1.2.3-01"),
        ("1.x-01", "`1.x-01` is not a version", "1.x-01"),
        ("1.0 - 2é", "`é` is not a version", "é"),
        ("é - 2", "`é` is not a version", "é"),
        ("1.2\u{a0}1.3", "`1.2\u{a0}1.3` is not a version", "1.2\u{a0}1.3"),
    ] {
        let error = Constraint::parse(constraint).expect_err(constraint);
        assert!(error.message.starts_with(message), "{constraint}: {error:?}");
        let span = error.span.unwrap_or(0..0);
        let found = constraint.get(span.clone()).unwrap_or_else(|| panic!("{constraint}: {span:?}"));
        assert_eq!(found, part, "{constraint}");
    }
    assert_eq!(Constraint::parse("==1").unwrap_err().hint.as_deref(), Some("write `=`"));
    assert!(Constraint::parse(&"1 ".repeat(10_000)).is_err());
}
