// One exploration at a time in a process: it installs the hook of every lock.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
