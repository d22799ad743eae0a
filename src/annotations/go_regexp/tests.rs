use super::*;

/// What Go's `regexp` does, taken from Go itself.
#[test]
fn expressions_match_as_in_go() {
    for (pattern, matching, other) in [
        ("", &["a"][..], &[][..]),
        ("main", &["main", "xmainy"], &["Main"]),
        ("^main$", &["main"], &["main\n", "xmain"]),
        ("a|b|", &["a", "c"], &[]),
        ("(|a)*b", &["b", "aab"], &["a"]),
        ("^(?:main|dev)(?:-[a-z0-9]+)?$", &["main", "dev-1"], &["dev-", "maindev"]),
        // A repetition of a repetition.
        ("^(?:a+)?$", &["", "aa"], &["b"]),
        ("^(?:(?:a{2})?){2}$", &["", "aa", "aaaa"], &["a", "aaa"]),
        // Braces that begin no repetition are characters.
        ("a{,2}", &["a{,2}"], &["aa"]),
        ("^{$", &["{"], &[]),
        ("a{01}", &["a{01}"], &["a"]),
        ("a{1", &["a{1"], &["a"]),
        ("^a{0}$", &[""], &["a"]),
        ("^a{2,}$", &["aa", "aaa"], &["a"]),
        ("^a{1,2}?$", &["a", "aa"], &["aaa"]),
        // What looks like a set operation is none.
        ("^[[a]$", &["[", "a"], &["[a"]),
        ("^[[a]b]$", &["[b]", "ab]"], &["a"]),
        ("^[a-z&&[^m]]$", &["a]", "&]", "^]", "m]"], &["a", "m"]),
        ("^[a~~b]$", &["a", "~", "b"], &[]),
        ("^[]a]$", &["]", "a"], &[]),
        ("^[^]a]$", &["b"], &["]", "a"]),
        ("^[a-]$", &["a", "-"], &[]),
        ("^[-a]$", &["a", "-"], &["b"]),
        (r"^[\d-z]$", &["1", "-", "z"], &["y"]),
        (r"^[\w.-]+$", &["a_1.2-z"], &["é", "a+b"]),
        (r"^[\x41-\x43\n]$", &["A", "C", "\n"], &["D"]),
        ("^[[:alpha:]_]+$", &["Az_"], &["1"]),
        ("^[[:^alpha:]]$", &["1"], &["a"]),
        ("^[[:word]$", &["[", ":", "w"], &["a"]),
        // Escapes.
        (r"\Q1.2.3\E$", &["1.2.3"], &["1x2.3"]),
        (r"^\Qa+", &["a+"], &["aa"]),
        (r"^\Qab\E*$", &["a", "abb"], &["abab"]),
        (r"^a\Q\E*$", &["", "aa"], &["b"]),
        (r"\x41|\x{42}|\103|\07", &["A", "B", "C", "\u{7}"], &["D"]),
        (r"^\_\-\/\.$", &["_-/."], &[]),
        (r"\Asha\z", &["sha"], &["sha1", "sha\n"]),
        (r"^\d\D\s\S\w\W$", &["1a\tb_-"], &["1a\u{b}b_-", "١a b_-"]),
        (r"\bmain\b", &["main", "main-1", "x-main.y"], &["main_1", "main1"]),
        (r"\Bain", &["main"], &["ain", "-ain"]),
        (r"^\pN\pL\PL\p{Lu}\p{^Lu}$", &["1a1Aa"], &["aa1Aa"]),
        (r"^[\p{Lu}\PL]$", &["A", "1"], &["a"]),
        (r"^\p{Latin}\p{Common}\P{Greek}\p{Any}$", &["a1b\n"], &["1abc"]),
        (r"\p{Greek}|\p{Old_Italic}|\p{Cs}", &[], &["a", "1"]),
        (r"^\p{Uppercase_Letter}\p{letter}\p{LC}\p{ASCII}$", &["AAaa"], &["aaaa"]), // since Go 1.25
        // Flags.
        ("(?i)alpha", &["ALPHA", "alpha"], &["beta"]),
        ("(?i:pr)x", &["PRx", "prx"], &["prX"]),
        ("((?i)a)b", &["Ab"], &["aB"]),
        ("a(?i)b|c", &["aB", "C"], &["A"]),
        ("(?i)a(?-i)b", &["Ab"], &["aB"]),
        ("^a(?i)*$", &["", "aa"], &["A"]),
        ("^a*(?i)*$", &["", "aa"], &["b"]),
        (r"(?i)^[^k]\P{Lu}[[:upper:]]$", &["a1b", "-1B"], &["k1b", "aab"]),
        ("(?i)\u{212a}\u{17f}", &["ks", "KS"], &["k"]),
        ("(?i)[\u{100}-\u{2fff}]", &["k", "S"], &["a"]),
        ("(?s)^.$", &["\n", "a"], &[]),
        ("^.$", &["a"], &["\n"]),
        ("(?m)^b$", &["a\nb\nc"], &["ab"]),
        ("(?U)^a*?b+$", &["abb", "b"], &["a"]),
        ("(?sm-i)a", &["a"], &["A"]),
        ("(?)a", &["a"], &["b"]),
        ("(?P<env>prod|dev)-(?<n>1)", &["dev-1"], &["dev"]),
        ("(?P<n>a)(?P<n>b)", &["ab"], &["ba"]),
        ("^*$", &["", "a"], &[]),
        ("é", &[], &["e"]),
        (r"^[^\x00-\x{10FFFF}]?a$", &["a"], &["aa"]),
        (r"\x{d800}", &[], &["a"]),
    ] {
        let expression = GoRegexp::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error:?}"));
        for text in matching {
            assert!(expression.is_match(text), "{pattern} matches {text:?}");
        }
        for text in other {
            assert!(!expression.is_match(text), "{pattern} does not match {text:?}");
        }
    }
}

#[test]
fn errors_are_found_where_go_finds_them() {
    for (pattern, message, part) in [
        ("(", "a `(` is not closed", "("),
        ("a(b(c)", "a `(` is not closed", "("),
        ("a)", "this `)` closes nothing", ")"),
        ("[", "a `[` is not closed", "["),
        ("a[]", "a `[` is not closed", "[]"),
        ("[a-", "a `[` is not closed", "[a-"),
        ("[[:alpha:]", "a `[` is not closed", "[[:alpha:]"),
        ("[b-a]", "the range `b-a` goes backwards", "b-a"),
        ("[a--]", "the range `a--` goes backwards", "a--"),
        (r"[a-\d]", r"Go's regular expressions have no `\d`", r"\d"),
        ("[[:foo:]]", "Go knows no class `[:foo:]`", "[:foo:]"),
        (r"\p{Foo}", r"Go knows no class `\p{Foo}`", r"\p{Foo}"),
        (r"\p{Grek}", r"Go knows no class `\p{Grek}`", r"\p{Grek}"),
        (r"\p{IsGreek}", r"Go knows no class `\p{IsGreek}`", r"\p{IsGreek}"),
        (r"\p{sc=Greek}", r"Go knows no class `\p{sc=Greek}`", r"\p{sc=Greek}"),
        (r"\p{Lu", r"Go knows no class `\p{Lu`", r"\p{Lu"),
        (r"a\p", r"Go knows no class `\p`", r"\p"),
        (r"\p{}", r"Go knows no class `\p{}`", r"\p{}"),
        (r"\pé", r"Go knows no class `\pé`", r"\pé"),
        ("*a", "nothing stands here that could be repeated", "*"),
        ("a|+", "nothing stands here that could be repeated", "+"),
        ("(?:?)", "nothing stands here that could be repeated", "?"),
        ("(?i)*", "nothing stands here that could be repeated", "*"),
        (r"\Q\E*", "nothing stands here that could be repeated", "*"),
        ("a**", "a repetition is repeated", "**"),
        ("a*?+", "a repetition is repeated", "*?+"),
        ("a{2}{3}b", "a repetition is repeated", "{2}{3}"),
        ("x{1001}", "a repetition counts to 1000 at most", "{1001}"),
        ("x{2,1001}", "a repetition counts to 1000 at most", "{2,1001}"),
        ("x{99999999999}", "a repetition counts to 1000 at most", "{99999999999}"),
        ("x{3,2}", "the least count is above the most", "{3,2}"),
        ("(x{100}){11}", "repetitions in one another count to more than 1000", "{11}"),
        ("((x{100})*y){11,}", "repetitions in one another count to more than 1000", "{11,}"),
        (r"\1", r"Go's regular expressions cannot refer back with `\1`", r"\1"),
        (r"\8", r"Go's regular expressions cannot refer back with `\8`", r"\8"),
        (r"a\", r"nothing follows the `\`", r"\"),
        (r"a\Z", r"Go's regular expressions have no `\Z`", r"\Z"),
        (r"\C", r"Go's regular expressions have no `\C`", r"\C"),
        (r"[\b]", r"Go's regular expressions have no `\b`", r"\b"),
        (r"\E", r"Go's regular expressions have no `\E`", r"\E"),
        (r"\é", r"Go's regular expressions have no `\é`", r"\é"),
        (r"\xg1", r"`\xg` is not `\xFF` or `\x{10FFFF}`", r"\xg"),
        (r"\x{110000}", r"`\x{110000` is not `\xFF` or `\x{10FFFF}`", r"\x{110000"),
        (r"\x{}", r"`\x{}` is not `\xFF` or `\x{10FFFF}`", r"\x{}"),
        ("(?=main)", "Go's regular expressions cannot look around", "(?="),
        ("a(?<!b)", "Go's regular expressions cannot look around", "(?<!"),
        ("(?x)a", "Go's regular expressions have no `(?x`", "(?x"),
        ("(?i-)a", "Go's regular expressions have no `(?i-)`", "(?i-)"),
        ("(?--i)a", "Go's regular expressions have no `(?--`", "(?--"),
        ("(?", "Go's regular expressions have no `(?`", "(?"),
        ("(?>a)", "Go's regular expressions have no `(?>`", "(?>"),
        ("(?P=n)", "Go's regular expressions have no `(?P`", "(?P"),
        ("(?P<a-b>c)", "the name of this group is not a word in `<…>`", "(?P<a-b"),
        ("(?<>c)", "the name of this group is not a word in `<…>`", "(?<"),
        ("(?P<n", "the name of this group is not a word in `<…>`", "(?P<n"),
    ] {
        let error = GoRegexp::new(pattern).expect_err(pattern);
        assert_eq!(error.message, message, "{pattern}");
        assert_eq!(&pattern[error.span.unwrap()], part, "{pattern}");
    }
}

#[test]
fn limits_are_go_s_or_safe() {
    for pattern in ["(x{100}){10}", "((x{10}){10}){10}", "(x{0}){1000}", "((x{1000})?)*", "(a|b{500}c){2}"] {
        assert!(GoRegexp::new(pattern).is_ok(), "{pattern}");
    }
    let nested = |open: &str, close: &str, levels: usize| format!("{}a{}", open.repeat(levels), close.repeat(levels));
    // Groups that capture nothing leave nothing behind, in Go either.
    assert!(GoRegexp::new(&nested("(?:", ")", 5000)).is_ok_and(|expression| expression.is_match("a")));
    assert!(GoRegexp::new(&nested("(", ")", 999)).is_ok_and(|expression| expression.is_match("a")));
    for pattern in
        [nested("(", ")", 1001), nested("(b|(?:", ")*)", 600), "(?:".repeat(10_000) + "a" + &")*".repeat(10_000)]
    {
        assert_eq!(GoRegexp::new(&pattern).unwrap_err().message, "nested more than 1000 deep");
    }
    for too_large in ["(a{1000})".repeat(5000), "(.{1000})".repeat(50), "(.{0,1000})".repeat(50)] {
        assert_eq!(GoRegexp::new(&too_large).unwrap_err().message, "the expression is too large");
    }
    assert!(GoRegexp::new(&"a".repeat(1 << 17)).is_err());
}
