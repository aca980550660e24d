//! What is made out of the options' descriptions: completions and the manual page.

use std::io::{Result, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Args;

/// A script that completes the options in a shell.
pub(crate) fn completions(shell: Shell, out: &mut dyn Write) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "mqtt-inspect", &mut script);
    out.write_all(&script)
}

/// The manual page in roff, subcommands behind the program.
pub(crate) fn manual(out: &mut dyn Write) -> Result<()> {
    let mut command = Args::command();
    command.build();
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    for command in command.get_subcommands() {
        let man = Man::new(command.clone());
        let title = command.get_bin_name().unwrap_or_else(|| command.get_name());
        writeln!(page, ".SH \"{}\"", title.to_uppercase())?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    out.write_all(&page)
}
