//! `exercise check-all`

use exercises::{Checked, Exercise, Workbench};
use operator::console::say;
use service::{Ending, Error, Exit};

use super::chosen::Chosen;

pub(super) async fn check(chosen: &Chosen, names: Vec<String>) -> Result<(), Error> {
    let mut all = match names.as_slice() {
        [] => chosen.all.clone(),
        names => names.iter().map(|name| chosen.named(name)).collect::<Result<_, Error>>()?,
    };
    // Those of one crate together: less is built again.
    all.sort_by(|(_, one), (_, other)| one.test.package.cmp(&other.test.package));
    let (bench, root) = (Workbench::open()?, &chosen.root);
    let mut wrong = Vec::new();
    let mut expect = async |exercise: &Exercise, with: &str, fails: bool| {
        let checked = bench.check(&exercise.test).await?;
        let is_right = match &checked {
            Checked::Passes => !fails,
            Checked::Fails(_) => fails,
            Checked::DoesNotCompile => false,
        };
        let seen = match &checked {
            Checked::Passes => "passes",
            Checked::Fails(_) => "fails",
            Checked::DoesNotCompile => "does not compile",
        };
        let verdict = if is_right { "as it should" } else { "WRONG" };
        if !is_right {
            wrong.push(format!("{} {with}", exercise.name));
        }
        say(format_args!("{} {with}: {seen}, {verdict}", exercise.name))
    };
    for (bug, exercise) in &all {
        bench.lay_out(root, &[&exercise.test.package])?;
        bug.apply(&bench.sources(), &[])?;
        expect(exercise, "as it is made", true).await?;
    }
    for (_, exercise) in &all {
        // The solution is the sources without the bug: what `exercise solution` prints leads there.
        bench.lay_out(root, &[&exercise.test.package])?;
        expect(exercise, "with its solution", false).await?;
    }
    if wrong.is_empty() {
        return say(format_args!("{} exercises fail as they are made, and pass with their solutions", all.len()));
    }
    Err(Ending { exit: Exit::Failed, message: format!("wrong: {}", wrong.join(", ")) }.into())
}
