use super::nodes::Child;
use super::radix::Radix;

/// The way through all entries below a branch, those that end at it first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subtree {
    top: u32,
    at: u32,
    /// What comes next at this branch: the entry that ends at it, or the child before this place.
    next: usize,
}

impl Subtree {
    pub(super) const fn new(top: u32) -> Self {
        Self { top, at: top, next: 0 }
    }

    /// The next entry; `None` when all were there.
    pub(super) fn next<T>(&mut self, tree: &Radix<T>) -> Option<u32> {
        loop {
            let node = tree.node(self.at)?;
            let next = self.next;
            self.next += 1;
            if next == 0 {
                if let Some(entry) = node.terminal() {
                    return Some(entry);
                }
                continue;
            }
            match node.child_at(next - 1) {
                Some(Child::Entry(entry)) => return Some(entry),
                Some(Child::Node(child)) => (self.at, self.next) = (child, 0),
                None if self.at == self.top => return None,
                None => {
                    self.at = node.parent();
                    self.next = 2 + tree.node(self.at)?.position(node.place().byte)?;
                }
            }
        }
    }
}
