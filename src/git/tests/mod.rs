//! The git store against real git servers.
