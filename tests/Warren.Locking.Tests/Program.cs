namespace Warren.Locking.Tests;

/// <summary>The child processes of this assembly's tests.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        // The configuration of this assembly says on, for the tests.
        AppContext.SetSwitch("Warren.Check", args.Contains("on"));
        AppContext.SetSwitch("Warren.Check.Steps", args.Contains("on"));
        switch (args.FirstOrDefault())
        {
            case "hot":
                HotPaths.Run(int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture));
                return 0;
            case "record":
                RecordedScript.Run();
                return 0;
            case "schedule":
                ScheduledScript.Run(int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture));
                return 0;
            case "install":
                Assert.False(Check.On);
                Assert.Throws<InvalidOperationException>(() => LockValidator.Install());
                Assert.Throws<InvalidOperationException>(LockGraph.Capture);
                return 0;
            default:
                Console.Error.WriteLine("Run these tests with `dotnet test`.");
                return 2;
        }
    }
}
