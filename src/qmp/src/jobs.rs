//! Jobs: work that a client starts and asks about later. Ours are done when the command returns;
//! what remains is how they ended, until `job-dismiss`. And the states that clients keep by name.

use hetemu_machine::Saved;
use serde_json::{Value, json};
use std::sync::Arc;

/// How a job ended.
#[derive(Debug, Clone)]
pub struct Job {
    /// The client's name for it.
    pub id: String,
    /// `snapshot-save`
    pub kind: &'static str,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// All that nobody has dismissed.
#[derive(Default)]
pub struct Jobs {
    list: Vec<Job>,
    /// Kept states by name, the newest last.
    states: Vec<(String, Arc<Saved>)>,
    /// How the last migration went: why it failed.
    pub(crate) migrated: Option<Option<String>>,
}

/// Most states that are kept at once.
const MOST_STATES: usize = 256;

/// Most jobs that wait to be dismissed.
const MOST: usize = 1024;

impl Jobs {
    /// Whether a name is taken, or there is no room for another.
    pub fn refuses(&self, id: &str) -> Option<String> {
        if self.list.iter().any(|j| j.id == id) {
            return Some(format!("Job ID '{id}' already in use"));
        }
        let full = self.list.len() >= MOST;
        full.then(|| format!("{MOST} jobs are concluded and not dismissed"))
    }

    /// A job that is done.
    pub fn add(&mut self, job: Job) {
        self.list.push(job);
    }

    /// Forgets one; false if there is none.
    pub fn dismiss(&mut self, id: &str) -> bool {
        let before = self.list.len();
        self.list.retain(|j| j.id != id);
        self.list.len() != before
    }

    /// Keeps a state; one of the same name makes room.
    pub(crate) fn keep(&mut self, tag: &str, state: Arc<Saved>) -> Result<(), String> {
        self.forget(tag);
        if self.states.len() >= MOST_STATES {
            return Err(format!("{MOST_STATES} states are kept; snapshot-delete makes room"));
        }
        self.states.push((tag.to_string(), state));
        Ok(())
    }

    /// A kept state.
    pub(crate) fn kept(&self, tag: &str) -> Option<Arc<Saved>> {
        self.states.iter().find(|(t, _)| t == tag).map(|(_, state)| state.clone())
    }

    /// The state that was kept last: the next one shares what has not changed with it.
    pub(crate) fn latest(&self) -> Option<Arc<Saved>> {
        self.states.last().map(|(_, state)| state.clone())
    }

    /// Forgets a state; false if there is none.
    pub(crate) fn forget(&mut self, tag: &str) -> bool {
        let before = self.states.len();
        self.states.retain(|(t, _)| t != tag);
        self.states.len() != before
    }

    /// Names of the kept states.
    pub(crate) fn tags(&self) -> Vec<String> {
        self.states.iter().map(|(t, _)| t.clone()).collect()
    }

    /// As `query-jobs` shows them.
    pub fn value(&self) -> Value {
        let one = |j: &Job| {
            let mut v = json!({
                "id": j.id, "type": j.kind, "status": "concluded",
                "current-progress": 1, "total-progress": 1,
            });
            if let (Some(e), Some(map)) = (&j.error, v.as_object_mut()) {
                map.insert("error".into(), json!(e));
            }
            v
        };
        Value::Array(self.list.iter().map(one).collect())
    }
}
