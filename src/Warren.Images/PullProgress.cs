namespace Warren.Images;

/// <summary>One step of a pull, reported often enough for a progress bar.</summary>
/// <param name="What">What is being done, for example "linux-image-6.12.107+deb13-riscv64".</param>
/// <param name="Bytes">Bytes done of this step, those resumed from an earlier run included.</param>
/// <param name="Total">Bytes of the whole step; 0 when unknown or when the step has no size (waiting, verifying).</param>
public readonly record struct PullProgress(string What, long Bytes, long Total);
