//! Jobs: work that a client starts and asks about later. Ours are done when the command returns;
//! what remains is how they ended, until `job-dismiss`.

use serde_json::{Value, json};

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
#[derive(Debug, Default)]
pub struct Jobs {
    list: Vec<Job>,
}

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
