"""Random histories of what people do with lists, jobs and ledgers, played in this process by a clock that is moved."""
