// Too long for the quick part of the gate.
[assembly: AssemblyTrait("Length", "Gate")]
// One exploration at a time in a process: it installs the hook of every lock.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
