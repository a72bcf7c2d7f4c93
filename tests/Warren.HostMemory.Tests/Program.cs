namespace Warren.HostMemory.Tests;

/// <summary>The child processes of this assembly's tests: they run with checking on.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        AppContext.SetSwitch("Warren.Check.Steps", true);
        switch (args.FirstOrDefault())
        {
            case nameof(InterposedRaces.FrameReusedWhileFaulting):
                InterposedRaces.FrameReusedWhileFaulting();
                return 0;
            case nameof(InterposedRaces.EntryDiscardedBeforeItsFrameIsTaken):
                InterposedRaces.EntryDiscardedBeforeItsFrameIsTaken();
                return 0;
            case nameof(InterposedRaces.BlockSplitWhileFaulting):
                InterposedRaces.BlockSplitWhileFaulting();
                return 0;
            case nameof(InterposedRaces.CopyOvertakenByDiscard):
                InterposedRaces.CopyOvertakenByDiscard();
                return 0;
            default:
                Console.Error.WriteLine("Run these tests with `dotnet test`.");
                return 2;
        }
    }
}
