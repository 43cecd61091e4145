//! `exercise check-all`

use exercises::{Checked, Workbench};
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
    for (bug, exercise) in &all {
        bench.lay_out(root, &[&exercise.test.package])?;
        bug.apply(&bench.sources(), &[])?;
        let checked = bench.check(&exercise.test).await?;
        say(format_args!("{} as it is made: {checked}", exercise.name))?;
        if !matches!(checked, Checked::Fails(_)) {
            wrong.push(format!("{} as it is made", exercise.name));
        }
    }
    // The solution is the sources without the bug: what `exercise solution` prints leads there.
    let tested: Vec<_> = all.iter().map(|(_, exercise)| exercise.test.package.as_str()).collect();
    bench.lay_out(root, &tested)?;
    for (_, exercise) in &all {
        let checked = bench.check(&exercise.test).await?;
        say(format_args!("{} with its solution: {checked}", exercise.name))?;
        if checked != Checked::Passes {
            wrong.push(format!("{} with its solution", exercise.name));
        }
    }
    if wrong.is_empty() {
        return say(format_args!("All {} fail as they are made, and pass with their solutions.", all.len()));
    }
    Err(Ending { exit: Exit::Failed, message: format!("not as it should be: {}", wrong.join(", ")) }.into())
}
