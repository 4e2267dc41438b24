"""The filter of jobs that people type: `tree` is what it says, `parse` reads it, `match` asks it of a job."""
