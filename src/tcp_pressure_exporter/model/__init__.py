"""Pure: what one reading of the kernel means. No I/O, no clock."""
