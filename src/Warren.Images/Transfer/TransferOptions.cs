namespace Warren.Images.Transfer;

/// <summary>How patient a download is.</summary>
/// <param name="Retries">Failures in a row, without a byte gained in between, that are borne.</param>
/// <param name="FirstDelay">The pause before the first retry; it doubles each time.</param>
/// <param name="Silence">How long a connection may give nothing before it counts as broken.</param>
internal sealed record TransferOptions(int Retries, TimeSpan FirstDelay, TimeSpan Silence)
{
    public static TransferOptions Default { get; } = new(3, TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(30));
}
