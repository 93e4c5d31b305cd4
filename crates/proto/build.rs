//! Generates the wire code from `/proto` with protox (no system protoc), and the access table from its method options.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use prost_reflect::{DescriptorPool, MethodDescriptor, Value};

const FILES: [&str; 25] = [
    "gongji/common/v1/access.proto",
    "gongji/common/v1/words.proto",
    "gongji/binding/v1/service.proto",
    "gongji/binding/v1/display_links.proto",
    "gongji/binding/v1/events.proto",
    "gongji/authorization/v1/service.proto",
    "gongji/authorization/v1/events.proto",
    "gongji/settlement/v1/accounts.proto",
    "gongji/settlement/v1/legs.proto",
    "gongji/settlement/v1/refunds.proto",
    "gongji/settlement/v1/replacements.proto",
    "gongji/settlement/v1/tasks.proto",
    "gongji/settlement/v1/service.proto",
    "gongji/settlement/v1/imports.proto",
    "gongji/settlement/v1/places.proto",
    "gongji/settlement/v1/premiums.proto",
    "gongji/settlement/v1/statements.proto",
    "gongji/settlement/v1/reconciliation.proto",
    "gongji/settlement/v1/years.proto",
    "gongji/settlement/v1/events.proto",
    "gongji/settlement/v1/after_visit.proto",
    "gongji/settlement/v1/after_visit_events.proto",
    "gongji/notification/v1/service.proto",
    "gongji/notification/v1/webhooks.proto",
    "gongji/notification/v1/completeness.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);

    let mut compiler = protox::Compiler::new([&root])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(FILES)?;
    let descriptors = compiler.encode_file_descriptor_set();
    std::fs::write(out.join("descriptors.bin"), &descriptors)?;
    std::fs::write(
        out.join("access.rs"),
        access_table(&compiler.descriptor_pool())?,
    )?;

    tonic_prost_build::configure()
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_well_known_types(true)
        .compile_fds(compiler.file_descriptor_set())?;
    pbjson_build::Builder::new()
        .register_descriptors(&descriptors)?
        .build(&[".gongji"])?;
    Ok(())
}

/// One Rust row per method: its full path and the roles that its `access` option names.
fn access_table(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let mut table =
        String::from("/// Who may call what: one row per RPC, straight from the proto files.\n");
    table.push_str("pub const ACCESS: &[(&str, &[kernel::Role])] = &[\n");
    for service in pool
        .services()
        .filter(|service| service.full_name().starts_with("gongji."))
    {
        for method in service.methods() {
            let roles = roles_of(pool, &method)?;
            writeln!(
                table,
                "    (\"/{}/{}\", &[{}]),",
                service.full_name(),
                method.name(),
                roles.join(", ")
            )?;
        }
    }
    table.push_str("];\n");
    Ok(table)
}

fn roles_of(
    pool: &DescriptorPool,
    method: &MethodDescriptor,
) -> Result<Vec<String>, Box<dyn Error>> {
    let extension = pool
        .get_extension_by_name("gongji.common.v1.access")
        .ok_or("access.proto declares the option")?;
    let kind = pool
        .get_enum_by_name("gongji.common.v1.Role")
        .ok_or("access.proto declares the roles")?;
    let options = method.options();
    let access = options.get_extension(&extension);
    let access = access
        .as_message()
        .ok_or("the access option is a message")?;
    let roles = access
        .get_field_by_name("roles")
        .ok_or("Access has roles")?;
    let mut names = Vec::new();
    for role in roles.as_list().unwrap_or_default() {
        let Value::EnumNumber(number) = role else {
            return Err("a role is an enum value".into());
        };
        let value = kind.get_value(*number).ok_or("a role is declared")?;
        let name = value.name().trim_start_matches("ROLE_").to_lowercase();
        let mut letters = name.chars();
        let first = letters
            .next()
            .ok_or("a role has a name")?
            .to_ascii_uppercase();
        names.push(format!("kernel::Role::{first}{}", letters.as_str()));
    }
    if names.is_empty() {
        return Err(format!(
            "{} names no role: add the access option",
            method.full_name()
        )
        .into());
    }
    Ok(names)
}
