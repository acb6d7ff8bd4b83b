"""What BPF programs count, by owner: active closes, and calls that find no port."""
