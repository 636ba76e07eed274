//! Laws for storage engines, and stores that fail on purpose.
