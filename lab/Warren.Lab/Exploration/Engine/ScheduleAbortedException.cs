namespace Warren.Lab;

/// <summary>Unwinds the threads of a schedule that has its verdict. Only the engine throws and catches it.</summary>
internal sealed class ScheduleAbortedException : Exception
{
    internal static readonly ScheduleAbortedException Instance = new();

    private ScheduleAbortedException()
        : base("The schedule has ended.")
    {
    }
}
