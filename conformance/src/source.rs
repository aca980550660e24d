//! Where the files of the suite come from.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use include_dir::{Dir, include_dir};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/suite");

/// A suite: the files in this program, or those of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The files as they were when the program was built.
    BuiltIn,
    /// A folder, which is read anew each time.
    Folder(PathBuf),
}

impl Source {
    /// The folder of the suite beside this package's source, where people edit it; the built-in files when there is none,
    /// as in an installed program.
    pub fn usual() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite");
        if folder.is_dir() { Self::Folder(folder) } else { Self::BuiltIn }
    }

    /// The folder.
    ///
    /// # Errors
    /// When there is none: the built-in files cannot be written.
    pub fn folder(&self) -> Result<&Path> {
        match self {
            Self::Folder(folder) => Ok(folder),
            Self::BuiltIn => bail!("the suite is built in: --suite names a folder to write to"),
        }
    }

    /// The names of its TOML files, sorted.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn families(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = match self {
            Self::BuiltIn => BUILT_IN.files().map(|file| file.path().display().to_string()).collect(),
            Self::Folder(folder) => fs::read_dir(folder)
                .with_context(|| folder.display().to_string())?
                .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
                .collect::<Result<_, _>>()?,
        };
        names.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "toml"));
        names.sort();
        Ok(names)
    }

    /// The text of a file, by its path within the suite.
    ///
    /// # Errors
    /// When there is no such file or it cannot be read; the message names it.
    pub fn text(&self, name: &str) -> Result<Cow<'static, str>> {
        match self {
            Self::BuiltIn => {
                let file = BUILT_IN.get_file(name).with_context(|| format!("the suite has no {name}"))?;
                Ok(file.contents_utf8().with_context(|| format!("{name} is not UTF-8"))?.into())
            }
            Self::Folder(folder) => {
                let path = folder.join(name);
                Ok(fs::read_to_string(&path).with_context(|| path.display().to_string())?.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_is_what_the_folder_holds() {
        let folder = Source::usual();
        assert!(folder.folder().is_ok());
        assert_eq!(Source::BuiltIn.families().unwrap(), folder.families().unwrap());
        for name in
            folder.families().unwrap().iter().map(String::as_str).chain(["rules/mqtt-5.0.tsv", "core.txt"])
        {
            assert_eq!(Source::BuiltIn.text(name).unwrap(), folder.text(name).unwrap(), "{name}");
        }
        assert!(Source::BuiltIn.text("nothing.toml").is_err() && Source::BuiltIn.folder().is_err());
    }
}
