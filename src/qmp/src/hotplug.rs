//! Devices that come and go while the machine is there, where a bus allows it.

use crate::error::Error;
use crate::types::Args;
use hetemu_control::{Event, Session};
use hetemu_schema::Catalog;
use serde_json::json;

/// Tells that a device is gone.
pub(crate) fn deleted(session: &mut Session, id: &str) {
    let data = json!({"device": id, "path": format!("/machine/{id}")});
    session.tell(&Event::Other { name: "DEVICE_DELETED".into(), data: data.to_string() });
}

/// `device_add` of a machine that is ready.
pub(crate) fn add(_: &mut Session, catalog: &Catalog, args: &Args) -> Result<(), Error> {
    let driver = args.str("driver");
    if hetemu_import::qom::Builder::new(catalog, "").type_of(driver).is_none() {
        return Err(crate::draft::no_type(driver, catalog));
    }
    Err(Error::new(format!("Device '{driver}' can not be dynamically instantiated")))
}

/// `device_del` of a machine that is ready.
pub(crate) fn remove(session: &mut Session, id: &str) -> Result<(), Error> {
    let name = id.rsplit('/').next().unwrap_or(id);
    let Some(_) = session.machine()?.graph().find_part(name) else {
        return Err(Error::not_found(id));
    };
    Err(Error::new(format!("Device '{id}' does not support hotplugging")))
}
