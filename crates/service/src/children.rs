//! The live children of one service.

use std::collections::HashSet;
use std::sync::Arc;

use crate::tree::Path;

/// The live children of one service, in the order of their starts. Their paths are unique.
#[derive(Debug)]
pub(crate) struct Children<N> {
    in_start_order: Vec<(Path, Arc<N>)>,
    paths: HashSet<Path>,
}

impl<N> Children<N> {
    /// Whether a live child has this path.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.paths.contains(path)
    }

    /// Adds the last child.
    pub(crate) fn push(&mut self, path: Path, child: Arc<N>) {
        self.paths.insert(path.clone());
        self.in_start_order.push((path, child));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_start_order.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<N>> {
        self.in_start_order.iter().map(|(_, child)| child)
    }

    /// The child that was started last, and whether it is the only one.
    pub(crate) fn last(&self) -> Option<(Arc<N>, bool)> {
        self.in_start_order.last().map(|(_, child)| (Arc::clone(child), self.in_start_order.len() == 1))
    }

    /// Whether exactly this child is listed; another may have taken its path.
    pub(crate) fn lists(&self, child: &N) -> bool {
        self.position(child).is_some()
    }

    /// Removes this child, if it is listed.
    pub(crate) fn remove(&mut self, child: &N) {
        if let Some(position) = self.position(child) {
            let (path, _) = self.in_start_order.remove(position);
            self.paths.remove(&path);
        }
    }

    fn position(&self, child: &N) -> Option<usize> {
        // From the end: children are removed last started first.
        self.in_start_order.iter().rposition(|(_, other)| std::ptr::eq(&raw const **other, child))
    }
}

impl<N> Default for Children<N> {
    fn default() -> Self {
        Self { in_start_order: Vec::new(), paths: HashSet::new() }
    }
}
