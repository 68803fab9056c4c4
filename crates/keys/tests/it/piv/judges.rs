//! Other people's programs, over the real PC/SC daemon: what they make is used here, and what is made here they use.
