namespace Warren.Locking.Tests;

/// <summary>The child processes of this assembly's tests.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        if (args.Contains("on"))
            AppContext.SetSwitch("Warren.Check.Steps", true);
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
            default:
                Console.Error.WriteLine("Run these tests with `dotnet test`.");
                return 2;
        }
    }
}
