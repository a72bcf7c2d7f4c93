namespace Warren.Cli;

/// <summary>Something the user can mend; the message is the one sentence that is printed, with cause and remedy.</summary>
internal sealed class UserErrorException(string message) : WarrenException(message);
