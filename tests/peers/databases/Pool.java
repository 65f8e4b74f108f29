// A pool of HikariCP at this address for so many seconds, with so many between its rounds: its connections may live
// longer than a token, and each round opens new ones. Two that are kept work to the end. Prints how many rounds there
// were.

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

class Pool {
    public static void main(String[] arguments) throws Exception {
        String address = arguments[0];
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(address);
        config.setUsername("app");
        config.setMaximumPoolSize(4);
        config.setMaxLifetime(1_800_000);
        long end = System.nanoTime() + Long.parseLong(arguments[1]) * 1_000_000_000L;
        long pause = (long) (Double.parseDouble(arguments[2]) * 1000);
        int rounds = 0;
        try (HikariDataSource pool = new HikariDataSource(config);
                Connection kept = DriverManager.getConnection(address, "app", null);
                Connection borrowed = pool.getConnection()) {
            while (System.nanoTime() < end) {
                try (Connection other = pool.getConnection()) {
                    works(other);
                }
                pool.getHikariPoolMXBean().softEvictConnections();
                rounds += 1;
                Thread.sleep(pause);
            }
            works(kept);
            works(borrowed);
        }
        System.out.println(rounds);
    }

    private static void works(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery("SELECT 1")) {
            if (!found.next() || found.getInt(1) != 1) {
                throw new IllegalStateException("one is not one");
            }
        }
    }
}
