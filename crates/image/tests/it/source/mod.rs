mod docker_archive;
mod engine;
mod oci_layout;
mod resolving;
mod skopeo;
mod stores;
