/** @file Athletes, each known for one sport: facts. Left out are those who were professionals in two of these sports. */

/** The answers. */
export const SPORTS = ['basketball', 'football', 'baseball'] as const;
/** One of the answers. */
export type Sport = (typeof SPORTS)[number];

/** Football is American football. */
export const ATHLETES: Readonly<Record<Sport, readonly string[]>> = {
  basketball: [
    ...['LeBron James', 'Kobe Bryant', 'Larry Bird', 'Tim Duncan', 'Kevin Durant', 'Stephen Curry', 'Chris Paul'],
    ...['Dwight Howard', 'Tony Parker', 'Paul Pierce', 'Ray Allen', 'Kevin Garnett', 'Jason Kidd', 'Steve Nash'],
    ...['Allen Iverson', 'Charles Barkley', 'Karl Malone', 'John Stockton', 'Patrick Ewing', 'Scottie Pippen'],
    ...['Dennis Rodman', 'Reggie Miller', 'Gary Payton', 'Vince Carter', 'Tracy McGrady', 'Grant Hill'],
    ...['Anthony Davis', 'James Harden', 'Russell Westbrook', 'Blake Griffin', 'Kyle Lowry', 'Jimmy Butler'],
    ...['Paul George', 'Klay Thompson', 'Draymond Green', 'Damian Lillard', 'Bradley Beal', 'John Wall'],
    ...['Rajon Rondo', 'Joakim Noah', 'Al Horford', 'Kevin Love', 'Chris Bosh', 'Dwyane Wade', 'Carmelo Anthony'],
    ...['Pau Gasol', 'Marc Gasol', 'Dirk Nowitzki', 'Wilt Chamberlain', 'Jerry West', 'Elgin Baylor'],
    ...['Oscar Robertson', 'Walt Frazier', 'Willis Reed', 'Moses Malone', 'Isiah Thomas', 'Clyde Drexler'],
    ...['Dominique Wilkins', 'Robert Parish', 'Kevin McHale', 'James Worthy', 'Jayson Tatum', 'Devin Booker'],
    ...['Joel Embiid', 'Ben Simmons', 'Zion Williamson', 'Kawhi Leonard', 'Derrick Rose', 'Mike Conley'],
    ...['Julius Erving', 'Bob Cousy', 'Bill Walton', 'Rick Barry', 'George Gervin', 'Bernard King', 'Chris Mullin'],
    ...['Tim Hardaway', 'Mitch Richmond', 'Glen Rice', 'Alonzo Mourning', 'Hakeem Olajuwon', 'David Robinson'],
    ...['Jason Terry', 'Shawn Marion', 'Andre Iguodala', 'Kemba Walker', 'Tyson Chandler'],
  ],
  football: [
    ...['Tom Brady', 'Peyton Manning', 'Eli Manning', 'Drew Brees', 'Aaron Rodgers', 'Brett Favre', 'Joe Montana'],
    ...['Dan Marino', 'Troy Aikman', 'Emmitt Smith', 'Barry Sanders', 'Jerry Rice', 'Randy Moss', 'Terrell Owens'],
    ...['Ray Lewis', 'Ed Reed', 'Brian Urlacher', 'Lawrence Taylor', 'Reggie White', 'Walter Payton', 'Jim Kelly'],
    ...['Kurt Warner', 'Tony Romo', 'Philip Rivers', 'Ben Roethlisberger', 'Matt Ryan', 'Andrew Luck', 'Cam Newton'],
    ...['Patrick Mahomes', 'Josh Allen', 'Joe Burrow', 'Lamar Jackson', 'Dak Prescott', 'Kirk Cousins'],
    ...['Matthew Stafford', 'Michael Vick', 'Donovan McNabb', 'Marshawn Lynch', 'Adrian Peterson', 'Rob Gronkowski'],
    ...['Julian Edelman', 'Wes Welker', 'Calvin Johnson', 'Larry Fitzgerald', 'Julio Jones', 'Odell Beckham'],
    ...['Richard Sherman', 'Von Miller', 'Khalil Mack', 'Aaron Donald', 'Luke Kuechly', 'Clay Matthews'],
    ...['Troy Polamalu', 'Jason Witten', 'Frank Gore', 'Todd Gurley', 'Derrick Henry', 'Ezekiel Elliott'],
    ...['Saquon Barkley', 'Travis Kelce', 'George Kittle', 'Cooper Kupp', 'Nick Foles', 'Carson Wentz', 'Jared Goff'],
    ...['Baker Mayfield', 'Ryan Tannehill', 'Andy Dalton', 'Joe Flacco', 'Colin Kaepernick', 'Terry Bradshaw'],
    ...['Joe Namath', 'Johnny Unitas', 'Roger Staubach', 'Earl Campbell', 'Eric Dickerson', 'Marcus Allen'],
    ...['Marshall Faulk', 'Steve Young', 'Warren Moon', 'Phil Simms', 'Dick Butkus', 'Bart Starr', 'Gale Sayers'],
    ...['Franco Harris', 'Michael Strahan', 'Darrelle Revis'],
  ],
  baseball: [
    ...['Babe Ruth', 'Lou Gehrig', 'Willie Mays', 'Hank Aaron', 'Mickey Mantle', 'Ted Williams', 'Joe DiMaggio'],
    ...['Stan Musial', 'Sandy Koufax', 'Nolan Ryan', 'Roger Clemens', 'Randy Johnson', 'Greg Maddux', 'Tom Glavine'],
    ...['John Smoltz', 'Barry Bonds', 'Mark McGwire', 'Sammy Sosa', 'Ken Griffey', 'Derek Jeter', 'Alex Rodriguez'],
    ...['Mariano Rivera', 'Andy Pettitte', 'Jorge Posada', 'Bernie Williams', 'David Ortiz', 'Manny Ramirez'],
    ...['Pedro Martinez', 'Curt Schilling', 'Dustin Pedroia', 'Jon Lester', 'Albert Pujols', 'Mike Trout'],
    ...['Bryce Harper', 'Clayton Kershaw', 'Justin Verlander', 'Max Scherzer', 'Miguel Cabrera', 'Buster Posey'],
    ...['Madison Bumgarner', 'Tim Lincecum', 'Felix Hernandez', 'Robinson Cano', 'Adrian Beltre', 'Joey Votto'],
    ...['Chase Utley', 'Jimmy Rollins', 'Ryan Howard', 'Cole Hamels', 'Roy Halladay', 'Cliff Lee', 'Johan Santana'],
    ...['Joe Mauer', 'Justin Morneau', 'Prince Fielder', 'Ryan Braun', 'Matt Kemp', 'Giancarlo Stanton'],
    ...['Aaron Judge', 'Jose Altuve', 'Carlos Correa', 'George Springer', 'Alex Bregman', 'Nolan Arenado'],
    ...['Freddie Freeman', 'Kris Bryant', 'Anthony Rizzo', 'Jake Arrieta', 'Manny Machado', 'Francisco Lindor'],
    ...['Cal Ripken', 'Tony Gwynn', 'Wade Boggs', 'George Brett', 'Ozzie Smith', 'Rickey Henderson', 'Kirby Puckett'],
    ...['Jeff Bagwell', 'Craig Biggio', 'Mike Piazza', 'Carlos Beltran', 'Jose Reyes', 'Todd Helton', 'Larry Walker'],
    ...['Jim Thome', 'Johnny Damon', 'Johnny Bench', 'Pete Rose', 'Tom Seaver', 'Bob Gibson', 'Yogi Berra'],
    ...['Roberto Clemente', 'Ernie Banks', 'Ty Cobb', 'Cy Young', 'Walter Johnson'],
  ],
};
