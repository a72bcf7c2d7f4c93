namespace Warren.Images.Transfer;

/// <summary>
/// A failure that another try may not meet: the connection, a busy server, a response cut short. Never leaves the downloader.
/// </summary>
internal sealed class TransientException(string message, Exception? inner = null) : Exception(message, inner);
