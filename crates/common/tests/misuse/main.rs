//! What must not be done does not compile, and the compiler says what to do instead.
//!
//! After a change of the compiler's words: `TRYBUILD=overwrite cargo test -p common --test misuse`, and read what changed.

#[test]
fn misuse_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/misuse/a_*.rs");
}
