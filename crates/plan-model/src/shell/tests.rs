//! What is read of a script, and what becomes of hostile ones.

use super::*;
