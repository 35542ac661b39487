//! Writes what is made of the command line, the completions and manual pages below `deploy/`:
//! `cargo run --example pages`. A test holds them to the binary.

fn main() -> anyhow::Result<()> {
    let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, content) in nodewarden::cli::pages::files(nodewarden::cli::command())? {
        let path = project.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, content)?;
    }
    Ok(())
}
