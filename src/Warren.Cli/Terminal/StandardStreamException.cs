namespace Warren.Cli.Terminal;

/// <summary>A standard stream does not work; the message is the sentence for the user.</summary>
internal sealed class StandardStreamException(string message) : IOException(message);
