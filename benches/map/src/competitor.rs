//! Who takes part, how each is started, and whether it is installed here.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// A competitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Aqueduct,
    /// quinn alone: no map, but what a map is built on.
    Raw,
    Pool,
    ProcessPool,
    Mpi,
    Ray,
    Dask,
    /// Whose main process is one of its two workers, and runs what is small itself.
    Scoop,
}

use Who::{Aqueduct, Dask, Mpi, Pool, ProcessPool, Raw, Ray, Scoop};

impl Who {
    pub(crate) const PEERS: [Self; 6] = [Pool, ProcessPool, Mpi, Ray, Dask, Scoop];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Aqueduct => "aqueduct",
            Raw => "raw quinn",
            Pool => "multiprocessing.Pool",
            ProcessPool => "ProcessPoolExecutor",
            Mpi => "mpi4py.futures",
            Ray => "Ray",
            Dask => "Dask",
            Scoop => "SCOOP",
        }
    }

    /// Whether its figures are those of another library's map between processes.
    pub(crate) fn is_peer(self) -> bool {
        !matches!(self, Aqueduct | Raw | Scoop)
    }

    /// A python program that prints its version, or fails with the reason.
    fn probe(self) -> &'static str {
        match self {
            Aqueduct | Raw => "",
            Pool | ProcessPool => "import platform; print('CPython', platform.python_version())",
            Mpi => "import mpi4py; print('mpi4py', mpi4py.__version__)",
            Ray => "import ray; print('Ray', ray.__version__)",
            Dask => "import distributed; print('distributed', distributed.__version__)",
            Scoop => "import scoop; print('SCOOP', scoop.__version__, scoop.__revision__)",
        }
    }
}

/// The python of the peers.
#[derive(Debug)]
pub(crate) struct Python {
    program: PathBuf,
    scripts: PathBuf,
}

impl Python {
    /// The one that `peers/setup` has made, or else the system's, with its standard library alone.
    pub(crate) fn find() -> Self {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let own = scripts.join(".venv/bin/python");
        Self { program: if own.exists() { own } else { "python3".into() }, scripts }
    }

    /// The version of a competitor, or why it cannot take part.
    pub(crate) fn version(&self, who: Who) -> Result<String, String> {
        if who == Mpi {
            Command::new("mpiexec").arg("--version").output().map_err(|error| format!("no mpiexec: {error}"))?;
        }
        let asked = Command::new(&self.program).args(["-c", who.probe()]).output();
        let asked = asked.map_err(|error| format!("no python: {error}"))?;
        if asked.status.success() {
            return Ok(String::from_utf8_lossy(&asked.stdout).trim().to_owned());
        }
        let said = String::from_utf8_lossy(&asked.stderr);
        Err(said.lines().last().unwrap_or("no reason given").to_owned())
    }

    /// What runs a cell.
    pub(crate) fn command(&self, who: Who, cell: &str, sizes: &[String]) -> std::io::Result<Command> {
        let script = |name: &str| self.scripts.join(name);
        let mut command = match who {
            Aqueduct | Raw => Command::new(env::current_exe()?),
            Mpi => Command::new("mpiexec"),
            _ => Command::new(&self.program),
        };
        match who {
            Aqueduct => command.arg("--ours"),
            Raw => command.arg("--raw"),
            Pool => command.arg(script("pool.py")),
            ProcessPool => command.arg(script("process_pool.py")),
            Mpi => command
                // Rank 0 is the program, the others its workers.
                .args(["--oversubscribe", "-n", "3"])
                .arg(&self.program)
                .args(["-m", "mpi4py.futures"])
                .arg(script("mpi.py"))
                .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
                .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
            Ray => command.arg(script("ray_tasks.py")),
            Dask => command.arg(script("dask_tasks.py")),
            Scoop => command.args(["-m", "scoop", "-q", "-n", "2"]).arg(script("scoop_tasks.py")),
        };
        command.arg(cell).args(sizes);
        Ok(command)
    }
}
