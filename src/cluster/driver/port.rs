//! Jobs of the driver's own threads: a lock away from the scheduler.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use super::{Shared, core::Owner, start::Driver};
use crate::cluster::{
    error::TaskError,
    map::{
        mailbox::Mailbox,
        port::{Close, JobKey, Keep, Port},
    },
    protocol::{CAPTURED_MOST, Captured, Digest, JobSpec, Wishes},
    worker::digest_of,
};

/// The driver's port. It keeps the cluster running.
pub(crate) struct DriverPort {
    pub(crate) driver: Arc<Driver>,
}

impl fmt::Debug for DriverPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DriverPort")
    }
}

impl Port for DriverPort {
    fn open(&self, spec: JobSpec, wishes: Wishes, mailbox: Arc<Mailbox>) -> Result<JobKey, TaskError> {
        self.driver.shared.with(|core| core.open(Owner::Here(mailbox), spec, &wishes)).map(JobKey)
    }

    fn push(&self, job: JobKey, number: u64, items: u32, payload: Bytes) {
        self.driver.shared.with(|core| core.push(job.0, number, items, payload));
    }

    fn seal(&self, job: JobKey) {
        self.driver.shared.with(|core| core.seal(job.0));
    }

    fn close(&self, job: JobKey, how: Close) {
        if how != Close::Done {
            self.driver.shared.with(|core| core.cancel(job.0, how == Close::Killing));
        }
    }

    fn submit(
        &self,
        spec: JobSpec,
        wishes: Wishes,
        mailbox: Arc<Mailbox>,
        payload: Bytes,
    ) -> Result<JobKey, TaskError> {
        self.driver.shared.with(|core| {
            let job = core.open(Owner::Here(mailbox), spec, &wishes)?;
            core.push(job, 0, 1, payload);
            core.seal(job);
            Ok(JobKey(job))
        })
    }

    fn capture(&self, encoded: Vec<u8>) -> Result<(Captured, Option<Keep>), TaskError> {
        if encoded.len() <= CAPTURED_MOST {
            return Ok((Captured::Here(encoded), None));
        }
        let kept = KeptConstant::new(&self.driver.shared, encoded.into());
        let digest = kept.digest;
        Ok((Captured::Constant(digest), Some(Keep(Arc::new(kept)))))
    }

    fn depth(&self) -> u32 {
        0
    }
}

/// Keeps a constant on the driver until it drops.
pub(crate) struct KeptConstant {
    shared: Arc<Shared>,
    pub(crate) digest: Digest,
}

impl KeptConstant {
    pub(crate) fn new(shared: &Arc<Shared>, bytes: Bytes) -> Self {
        let digest = digest_of(&bytes);
        shared.with(|core| core.constants.keep(digest, bytes));
        Self { shared: Arc::clone(shared), digest }
    }
}

impl fmt::Debug for KeptConstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptConstant")
    }
}

impl Drop for KeptConstant {
    fn drop(&mut self) {
        let digest = self.digest;
        self.shared.with(|core| core.release_constant(Some(digest)));
    }
}
