//! Whether output may have colours: one decision for every program.

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};

/// Whether what is written to this stream, stdout or stderr, may have colours: the stream is a terminal, and the environment
/// does not refuse them by `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb`.
///
/// `CLICOLOR_FORCE=1` asks for colours elsewhere too, and `CLICOLOR=1` or `CI` outweigh `TERM=dumb`. `anstream::stdout()` and `anstream::stderr()` decide in the same way.
pub fn may_have_colours(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}
