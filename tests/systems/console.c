/* console.exe PROGRAM ARGUMENT…: the program on a console, for tests under Wine, whose pseudo-console ends at Ctrl+C and knows
   no escape sequences. Bytes that come in are keys that are pressed; what the program writes goes out as it is, through a pipe
   that its name makes a terminal, as that of Git's shell. The exit code is the program's. */
#include <windows.h>
#include <stdio.h>

static HANDLE opened(const wchar_t *name, DWORD access) {
  SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
  return CreateFileW(name, access, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, OPEN_EXISTING, 0, NULL);
}

static void press(HANDLE console, WORD key, wchar_t character, DWORD held) {
  INPUT_RECORD pressed = {.EventType = KEY_EVENT};
  DWORD written;
  pressed.Event.KeyEvent.bKeyDown = TRUE;
  pressed.Event.KeyEvent.wRepeatCount = 1;
  pressed.Event.KeyEvent.wVirtualKeyCode = key;
  pressed.Event.KeyEvent.uChar.UnicodeChar = character;
  pressed.Event.KeyEvent.dwControlKeyState = held;
  WriteConsoleInputW(console, &pressed, 1, &written);
}

/* Presses the first key of the text, and returns where the next one begins. */
static const wchar_t *typed(HANDLE console, const wchar_t *text) {
  DWORD mode;
  if (text[0] == 0x1b && text[1] == '[' && (text[2] == 'H' || text[2] == 'F')) {
    press(console, text[2] == 'H' ? VK_HOME : VK_END, 0, ENHANCED_KEY);
    return text + 3;
  }
  if (*text == 3 && GetConsoleMode(console, &mode) && (mode & ENABLE_PROCESSED_INPUT))
    GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
  else if (*text == '\r')
    press(console, VK_RETURN, '\r', 0);
  else if (*text == '\t')
    press(console, VK_TAB, '\t', 0);
  else if (*text == 0x1b)
    press(console, VK_ESCAPE, 0x1b, 0);
  else if (*text == 0x7f)
    press(console, VK_BACK, '\b', 0);
  else if (*text < ' ')
    press(console, 'A' - 1 + *text, *text, LEFT_CTRL_PRESSED);
  else
    press(console, 0, *text, 0);
  return text + 1;
}

static DWORD WINAPI type(void *console) {
  char bytes[4096];
  wchar_t text[sizeof bytes + 1];
  DWORD length;
  while (ReadFile(GetStdHandle(STD_INPUT_HANDLE), bytes, sizeof bytes, &length, NULL) && length) {
    text[MultiByteToWideChar(CP_UTF8, 0, bytes, length, text, sizeof bytes)] = 0;
    for (const wchar_t *next = text; *next;)
      next = typed(console, next);
  }
  return 0;
}

static DWORD WINAPI show(void *shown) {
  char bytes[4096];
  DWORD length, written;
  while (ReadFile(shown, bytes, sizeof bytes, &length, NULL))
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), bytes, length, &written, NULL);
  return 0;
}

/* Ctrl+C is for the program. */
static BOOL WINAPI ignored(DWORD event) {
  return event == CTRL_C_EVENT;
}

/* What is started from here on ends with this process. */
static void end_together(void) {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE};
  HANDLE job = CreateJobObjectW(NULL, NULL);
  SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
  AssignProcessToJobObject(job, GetCurrentProcess());
}

int main(void) {
  wchar_t name[64], *command = GetCommandLineW();
  STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
  PROCESS_INFORMATION program;
  COORD size = {120, 40};
  DWORD code;
  swprintf(name, 64, L"\\\\.\\pipe\\msys-keyfob%lu-pty0-to-master", GetCurrentProcessId());
  HANDLE shown = CreateNamedPipeW(name, PIPE_ACCESS_INBOUND, PIPE_TYPE_BYTE, 1, 65536, 65536, 0, NULL);
  end_together();
  SetConsoleCtrlHandler(ignored, TRUE);
  SetConsoleScreenBufferSize(opened(L"CONOUT$", GENERIC_READ | GENERIC_WRITE), size);
  start.hStdInput = opened(L"CONIN$", GENERIC_READ | GENERIC_WRITE);
  start.hStdOutput = start.hStdError = opened(name, GENERIC_WRITE | FILE_READ_ATTRIBUTES);
  /* After its own name, which is in quotes or has no blanks. */
  command = wcschr(*command == '"' ? wcschr(command + 1, '"') : command, ' ');
  if (!command || !CreateProcessW(NULL, command + 1, NULL, NULL, TRUE, 0, NULL, NULL, &start, &program))
    return 126;
  CloseHandle(start.hStdOutput);
  CreateThread(NULL, 0, type, start.hStdInput, 0, NULL);
  HANDLE end = CreateThread(NULL, 0, show, shown, 0, NULL);
  WaitForSingleObject(program.hProcess, INFINITE);
  WaitForSingleObject(end, 2000);
  GetExitCodeProcess(program.hProcess, &code);
  ExitProcess(code);
}
