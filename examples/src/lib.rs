//! A small node kit.
