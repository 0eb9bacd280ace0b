//! Commands that keep a machine's state and bring it back.

use crate::context::Context;
use crate::error::Error;
use crate::types::{Args, Command, Object, Type, may, need};
use serde_json::{Value, json};

pub(super) const COMMANDS: &[Command] =
    &[Command::new("query-migrate", "How the last migration went.", query_migrate)
        .returns(Type::Object(&MIGRATION_INFO))
        .always()];

const MIGRATION_INFO: Object = Object {
    name: "MigrationInfo",
    members: &[may("status", Type::Str, "`completed` or `failed`; nothing if there was none.")],
};

fn query_migrate(_: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    let _ = need;
    Ok(json!({}))
}
