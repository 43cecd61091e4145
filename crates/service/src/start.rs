//! Running a service as a task, and waiting for its handle.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::error::{Error, Failure, Reason, Stopped};
use crate::node::Node;
use crate::promise::{Answer, Promise, Unanswered};
use crate::scope::Scope;
use crate::service::Service;

/// Runs the service on a task of its own. The answer is its handle, or the error that came instead.
pub(crate) fn run<S: Service>(node: &Arc<Node>, service: S) -> oneshot::Receiver<Answer<S::Handle>> {
    let (promise, answer) = Promise::new();
    let node = Arc::clone(node);
    #[expect(clippy::disallowed_methods, reason = "this is the task that stops every other one")]
    tokio::spawn(async move {
        let scope = Scope::new(Arc::clone(&node), promise.clone());
        let body = AssertUnwindSafe(async { service.run(scope).await }).catch_unwind();
        tokio::select! {
            biased;
            ended = body => node.judge(ended, promise.is_answered()),
            () = node.overrun() => node.tree.add_aborted(&node.path),
        }
        node.request_stop(node.stop.own_deadline());
        node.stop_the_rest().await;
        end(&node, &promise);
    });
    answer
}

/// The last step: passes the failure on to whoever waits for the handle, else to the parent.
fn end<H>(node: &Node, promise: &Promise<H>) {
    let failure = node.leave();
    if promise.is_answered() {
        failure.into_iter().for_each(|failure| node.report(failure));
    } else if let Err(Unanswered::Unwanted(Err(error))) = promise.answer(Err(failure.unwrap_or_else(|| Stopped.into())))
    {
        node.report(error);
    }
    node.set_gone();
}

/// Waits for a child's handle; stops the child if it is not ready in time, or if the parent is asked to stop.
///
/// `within` is `None` for a child that may take any time.
pub(crate) async fn ready<H>(
    parent: &Node,
    child: &Node,
    mut answer: oneshot::Receiver<Answer<H>>,
    within: Option<Duration>,
) -> Result<H, Error> {
    let too_late = async {
        match within {
            Some(limit) => {
                sleep(limit).await;
                limit
            }
            None => std::future::pending().await,
        }
    };
    let error = tokio::select! {
        biased;
        answer = &mut answer => match answer {
            Ok(answer) => return answer,
            Err(_) => Stopped.into(), // the runtime shuts down
        },
        () = parent.stop.token().cancelled() => Stopped.into(),
        limit = too_late => Failure::because(&child.path, Reason::NotReady(limit)),
    };
    let limit = child.stop.own_deadline();
    child.stop_until(parent.stop.deadline().map_or(limit, |deadline| deadline.min(limit))).await;
    // The child's own failure says more than that it was late.
    match answer.try_recv() {
        Ok(Err(failure)) if !failure.is::<Stopped>() => Err(failure),
        _ => Err(error),
    }
}
