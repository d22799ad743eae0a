use crate::strategy::Needs;
use crate::strategy::Strategy;
pub(crate) static STRATEGY: Strategy =
    Strategy { name: "x", aliases: &[], summary: "", needs: Needs::Tags, parse: |_| Err(String::new()) };
