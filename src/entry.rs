//! Where the program starts on Linux: `main` itself, and not the one that the standard library has for it.
//!
//! That one looks for the end of the stack in `/proc` and sets up a second one, to say of a stack overflow
//! that it is one, which takes a tenth of a millisecond. Nesting is capped wherever this program reads any.
//! What else it does is done here.

use std::ffi::{c_char, c_int};

/// # Safety
/// The C runtime calls it once, before anything else of the program runs.
#[unsafe(no_mangle)]
extern "C" fn main(_: c_int, _: *const *const c_char) -> c_int {
    for descriptor in 0..=2 {
        // SAFETY: they change nothing but the table of open files, which nobody else uses yet.
        unsafe {
            // A file that is opened must not get the number of a closed stdout, and be printed into.
            if libc::fcntl(descriptor, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            }
        }
    }
    // SAFETY: no other thread runs, and no handler is replaced but the default one.
    // Who reads stdout may be gone: that is an error of the write, not a signal.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    crate::main();
    0
}

/// This and [`exp2`] are all that anything asks of the mathematical library: linked in, they save loading it.
#[unsafe(no_mangle)]
extern "C" fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}

/// What the compiler makes of powers of two.
#[unsafe(no_mangle)]
extern "C" fn exp2(exponent: f64) -> f64 {
    libm::exp2(exponent)
}
